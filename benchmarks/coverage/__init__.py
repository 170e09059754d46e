"""Do intervals hold the truth as often as they say, and do tests stay silent where nothing is?"""
