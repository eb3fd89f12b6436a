"""From a source's own names and conventions to the columns of a contract, in canonical form."""
