"""The frozen values and ports that all other packages of `steps` share. Imports none of them."""
