"""What a terminal or a program is shown: tables, words, bars, manifests."""
