"""The networks of each family, as typed data: their constructor arguments, and what follows from them in closed form."""
