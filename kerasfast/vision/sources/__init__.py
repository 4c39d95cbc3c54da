"""Where pictures come from: folders, tables, arrays, tensorflow-datasets; checked, decoded and resized."""
