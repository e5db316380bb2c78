"""What every other room stands on: types, errors, settings, times and windows; opens no video."""
