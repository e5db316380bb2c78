"""The filters of the search box in the browser: chips, pickers and suggestions while one types."""

from ui.web.components.query_bar.component import BarData, FilterField, MoreValues, show

__all__ = ["BarData", "FilterField", "MoreValues", "show"]
