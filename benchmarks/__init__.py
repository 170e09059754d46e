"""How fast is a sweep beside what people do today, and beside what the machine could do at best?"""
