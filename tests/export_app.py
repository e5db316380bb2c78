"""The export panel alone, on clips of the videos in FOOTAGE_CLIPS, as many as the address says: for tests."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from tiny_exports import clip_of

from footage.core.config import load_settings
from ui.web import styles
from ui.web.components import export_panel, resources

st.set_page_config(layout="wide")
styles.load("base", "pages")
videos = sorted(Path(os.environ["FOOTAGE_CLIPS"]).glob("*.mp4"))
many = int(st.query_params.get("clips", 2))
clips = [clip_of(videos[number % len(videos)], 1, 3) for number in range(many)]
export_panel.show(resources.Desk(load_settings()), clips, 'My <b>reel</b> "1"')
