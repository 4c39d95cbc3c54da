"""Where a model of a table is wrong and what it goes by: importance, dependence, residuals, calibration."""
