"""What would the model do if …? The live page's server, on this machine alone."""
