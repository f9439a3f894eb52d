-- Schema version 2: what coders decided by hand.

-- One row a decision: an institution and network of a scan, read by one coder. A list from elsewhere, which comes in
-- as a coder of its own, has one row for each account it names.
CREATE TABLE decisions (
    scan_id INTEGER NOT NULL,     -- the scan whose sheet was coded
    institution_id TEXT NOT NULL,
    network TEXT NOT NULL,
    coder TEXT NOT NULL,          -- initials of a person, or the name of a list
    correct_account TEXT NOT NULL,  -- canonical URL; "" for none
    decision TEXT NOT NULL,       -- present, absent, wrong_account or unsure; listed: a list names the account
    date TEXT NOT NULL,           -- day of the decision, ISO 8601
    note TEXT NOT NULL,
    detected TEXT,                -- main account found by the rules of that scan; "" for none; NULL: site not assessed
    is_blind INTEGER NOT NULL,    -- 1: the sheet did not show what the rules had found; 0: it did
    stratum TEXT NOT NULL,        -- of the sample; "" without one
    weight REAL,                  -- rows of the whole that this one stands for; NULL without a sample
    PRIMARY KEY (scan_id, institution_id, network, coder, correct_account),
    FOREIGN KEY (scan_id, institution_id) REFERENCES institutions (scan_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
