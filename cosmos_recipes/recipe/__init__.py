"""The recipe language: typed spec, reading with positions, profiles, overrides and the library of shipped files."""
