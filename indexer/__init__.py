"""Video files to captions to an index: the writing half."""
