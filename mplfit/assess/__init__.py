"""What a fit is worth: intervals, what the data leave open, and how it compares with other laws."""
