"""The front-end that speaks Heketi's REST API; the only package that knows Heketi's words."""
