"""Writers: results onto disk, whole or not at all."""
