"""What the ground is drawn with: noise, outlines, colours and the canvas."""
