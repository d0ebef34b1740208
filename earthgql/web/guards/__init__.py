"""What is checked and bounded around each request, whatever its route."""
