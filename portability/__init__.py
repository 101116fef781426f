"""Portability: all of a law firm's data, exactly, in an open form."""
