"""Hand coding: coding sheets, decisions of coders, overrides, agreement between coders and the tool."""
