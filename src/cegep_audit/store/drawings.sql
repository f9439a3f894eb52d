-- Schema version 4: pages that a browser drew before they were read.

ALTER TABLE pages ADD COLUMN drawn_by TEXT NOT NULL DEFAULT '';   -- the browser, with its version; "": none drew it
ALTER TABLE pages ADD COLUMN drawn_for TEXT NOT NULL DEFAULT '';  -- why, as codes parted by spaces
