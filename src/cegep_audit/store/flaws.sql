-- Schema version 3: links that serve their reader badly.

-- The links to networks that a site would do well to mend, each at the first place where it was met.
CREATE TABLE flaws (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    position INTEGER NOT NULL,    -- order of meeting, from 0
    rule TEXT NOT NULL,           -- what is wrong: the name of a row of analyze/flaws.toml
    network TEXT NOT NULL,
    url TEXT NOT NULL,            -- as it stands on the page
    account_url TEXT NOT NULL,    -- canonical URL of the account it leads to; "" for none
    page_url TEXT NOT NULL,
    zone TEXT NOT NULL,           -- as in "evidence"
    label TEXT NOT NULL,
    PRIMARY KEY (scan_id, institution_id, position),
    FOREIGN KEY (scan_id, institution_id) REFERENCES results (scan_id, institution_id) ON DELETE CASCADE
) WITHOUT ROWID;
