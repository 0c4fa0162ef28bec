"""What pages are made of: the frame, the filter bar, charts, tables, files to hand out."""
