"""How results are shown: numbers and tables decided once, then one module a format."""
