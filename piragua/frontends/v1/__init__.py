"""The API beyond Heketi's, below /piragua/v1/, for administrators only. docs/extensions.md describes it."""
