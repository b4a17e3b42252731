"""Laws over model sizes: runs of several sizes in, the loss of any schedule at another one out."""
