"""What would the model have computed had a value inside it been different?"""
