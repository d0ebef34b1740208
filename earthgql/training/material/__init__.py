"""Training pictures on real ground: crops of real pictures, with objects and weather over them."""
