"""What every dimension and indicator declares, held against generated markets."""
