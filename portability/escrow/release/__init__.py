"""Release: a deposit's key, wrapped for the beneficiary after the procedure, in a bundle that stock tools open."""
