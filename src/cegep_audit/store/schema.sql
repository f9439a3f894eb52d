-- The database of scans, schema version 1 (PRAGMA user_version).
--
-- One file holds any number of scans. Times are UTC, ISO 8601 with microseconds and "Z", so that they sort as
-- text. Text is never NULL: "" means that nothing is known, unless a column says otherwise. Lists and mappings are
-- JSON. Pages themselves are in the scan's WARC; record_id leads to them.
--
-- Every column but those that place a row is a field of a record in models.py, under the same name.
--
-- Every table below "institutions" starts its key with (scan_id, institution_id): one institution's rows lie
-- together, are written in one transaction and go with its row in "results".

-- One row a scan.
CREATE TABLE scans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- counts from 1 in this file; the number of a deleted scan stays unused
    started_at TEXT NOT NULL,
    ended_at TEXT,                -- NULL: interrupted, or still running
    mode TEXT NOT NULL,           -- live, replay or as_of
    settings TEXT NOT NULL,       -- JSON object: the options the scan ran with
    tool_version TEXT NOT NULL,   -- of cegep-audit
    rules_version TEXT NOT NULL,  -- of its rules: two scans compare best under the same
    label TEXT NOT NULL,          -- set by the user
    completes INTEGER,            -- the scan that this one completes; NULL: none
    stalls TEXT NOT NULL          -- JSON list: when this machine stalled during the scan, and for how long
);

-- The rows of the registry that the scan audits, as they were on its day.
CREATE TABLE institutions (
    scan_id INTEGER NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    id TEXT NOT NULL,             -- the registry's id, unique in a scan
    position INTEGER NOT NULL,    -- place in the registry, from 0
    name TEXT NOT NULL,
    url TEXT NOT NULL,            -- of the website, absolute
    short_name TEXT NOT NULL,
    type TEXT NOT NULL,
    language TEXT NOT NULL,
    region TEXT NOT NULL,
    region_code TEXT NOT NULL,
    city TEXT NOT NULL,
    alt_hosts TEXT NOT NULL,      -- JSON list: other or former host names
    founded INTEGER,              -- year; NULL: not known
    closed INTEGER,               -- year; NULL: not known, or still open
    enrolment TEXT NOT NULL,      -- as written in the registry
    parent_id TEXT NOT NULL,      -- id of the institution that this one is a part of
    status TEXT NOT NULL,         -- as written in the registry: active, closed
    successor_id TEXT NOT NULL,   -- id of the institution that this one was merged into
    names TEXT NOT NULL,          -- JSON list: former names, as name@2005..2012
    dated_hosts TEXT NOT NULL,    -- JSON list: hosts of the site in some years only, as host@2005..2012
    wikidata TEXT NOT NULL,       -- its item, Q and a number
    ror TEXT NOT NULL,            -- its id in the Research Organization Registry, without https://ror.org/
    extra TEXT NOT NULL,          -- JSON object: the registry's other columns, name to text, in file order
    PRIMARY KEY (scan_id, id),
    UNIQUE (scan_id, position)
) WITHOUT ROWID;

-- The result of each institution; one without a row here was not reached before the scan stopped.
CREATE TABLE results (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    status TEXT NOT NULL,         -- ok, partial, blocked, unreachable or unusable; the first two are assessed
    detail TEXT NOT NULL,         -- why, as a code (dns, robots, http_403 …); "" for ok
    message TEXT NOT NULL,        -- why, for a person
    final_url TEXT NOT NULL,      -- of the homepage after redirects
    captured_at TEXT,             -- of the homepage; NULL: it was not read
    read_by TEXT NOT NULL,        -- live, retry, browser, archive, saved, warc or coded; "" where not assessed
    PRIMARY KEY (scan_id, institution_id),
    FOREIGN KEY (scan_id, institution_id) REFERENCES institutions (scan_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The pages that were read.
CREATE TABLE pages (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    position INTEGER NOT NULL,    -- order of reading, from 0
    requested_url TEXT NOT NULL,
    url TEXT NOT NULL,            -- after redirects
    role TEXT NOT NULL,           -- home, frame, language, social, contact, about or own_link
    why TEXT NOT NULL,            -- why it was chosen, for a person
    status INTEGER NOT NULL,      -- of HTTP
    content_type TEXT NOT NULL,   -- as sent
    size INTEGER NOT NULL,        -- bytes, after decompression
    captured_at TEXT NOT NULL,
    brought INTEGER NOT NULL,     -- accounts first seen on it
    record_id TEXT,               -- of the WARC record; NULL: none is kept
    rendering TEXT,               -- JSON object: the browser that rendered it and why; NULL: none did
    PRIMARY KEY (scan_id, institution_id, position),
    FOREIGN KEY (scan_id, institution_id) REFERENCES results (scan_id, institution_id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The pages that could not be read.
CREATE TABLE failures (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    position INTEGER NOT NULL,    -- order of asking, from 0
    url TEXT NOT NULL,            -- as asked for
    role TEXT NOT NULL,           -- as in "pages"
    detail TEXT NOT NULL,         -- why, as a code
    message TEXT NOT NULL,        -- why, for a person
    at TEXT NOT NULL,             -- when it failed
    record_id TEXT,               -- of the WARC record of the answer; NULL: there was none, or none is kept
    PRIMARY KEY (scan_id, institution_id, position),
    FOREIGN KEY (scan_id, institution_id) REFERENCES results (scan_id, institution_id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The accounts that the site shows. (network, url) names one in its institution, except where no URL could
-- be found (role uncertain, reason unresolved_link): there url is "" and only the position tells them apart.
CREATE TABLE accounts (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    position INTEGER NOT NULL,    -- order in the institution's result, from 0
    network TEXT NOT NULL,        -- id of the network: facebook, twitter …
    handle TEXT NOT NULL,
    url TEXT NOT NULL,            -- canonical
    kind TEXT NOT NULL,           -- profile, group or show
    role TEXT NOT NULL,           -- official, unit, third_party or uncertain
    reason TEXT NOT NULL,         -- name of the rule that gave the role
    is_main INTEGER NOT NULL,     -- 1: the one account that the report names for this network; 0: another
    PRIMARY KEY (scan_id, institution_id, position),
    FOREIGN KEY (scan_id, institution_id) REFERENCES results (scan_id, institution_id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Where each account was seen, the best evidence first.
CREATE TABLE evidence (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    account_position INTEGER NOT NULL,  -- accounts.position
    position INTEGER NOT NULL,    -- 0 is the best
    page_url TEXT NOT NULL,
    how TEXT NOT NULL,            -- anchor, rel_me, meta, json_ld, microdata, widget, embed, script, redirect or feed
    zone TEXT NOT NULL,           -- head, header, nav, main, aside or footer
    label TEXT NOT NULL,          -- what a reader sees or hears of the link
    captured_at TEXT NOT NULL,
    record_id TEXT,               -- of the WARC record of the page; NULL: none is kept
    PRIMARY KEY (scan_id, institution_id, account_position, position),
    FOREIGN KEY (scan_id, institution_id, account_position)
        REFERENCES accounts (scan_id, institution_id, position) ON DELETE CASCADE
) WITHOUT ROWID;

-- The links to networks that a site should mend, each at the first place where it was found.
CREATE TABLE flaws (
    scan_id INTEGER NOT NULL,
    institution_id TEXT NOT NULL,
    position INTEGER NOT NULL,    -- order of finding, from 0
    rule TEXT NOT NULL,           -- what is wrong: the name of a row of analyze/institution/flaws.toml
    network TEXT NOT NULL,
    url TEXT NOT NULL,            -- as written on the page
    account_url TEXT NOT NULL,    -- canonical URL of the account it leads to; "" for none
    page_url TEXT NOT NULL,
    zone TEXT NOT NULL,           -- as in "evidence"
    label TEXT NOT NULL,
    PRIMARY KEY (scan_id, institution_id, position),
    FOREIGN KEY (scan_id, institution_id) REFERENCES results (scan_id, institution_id) ON DELETE CASCADE
) WITHOUT ROWID;

-- What coders decided by hand: one row for each institution and network that one coder read. A list from elsewhere
-- comes in as a coder of its own and has one row for each account it names.
CREATE TABLE decisions (
    scan_id INTEGER NOT NULL,     -- the scan whose sheet was coded
    institution_id TEXT NOT NULL,
    network TEXT NOT NULL,
    coder TEXT NOT NULL,          -- initials of a person, or the name of a list
    verdict TEXT NOT NULL,        -- present, absent, wrong_account or unsure; listed: a list names the account
    correct_account TEXT NOT NULL,  -- canonical URL; "" for none
    date TEXT NOT NULL,           -- day of the decision, ISO 8601
    note TEXT NOT NULL,
    detected TEXT,                -- main account found by the rules of that scan; "" for none; NULL: site not assessed
    is_blind INTEGER NOT NULL,    -- 1: the sheet did not show what the rules had found; 0: it did
    stratum TEXT NOT NULL,        -- of the sample; "" without one
    weight REAL,                  -- rows of the whole that this one represents; NULL without a sample
    PRIMARY KEY (scan_id, institution_id, network, coder, correct_account),
    FOREIGN KEY (scan_id, institution_id) REFERENCES institutions (scan_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- For queries in SQL: the program itself reads the tables.

-- One row for each account with its best evidence; assessed sites only.
CREATE VIEW v_accounts AS
SELECT accounts.scan_id, accounts.institution_id, institutions.name AS institution, accounts.network,
       accounts.url AS account_url, accounts.role, accounts.reason, accounts.is_main,
       evidence.page_url, evidence.how, evidence.zone, evidence.label, evidence.captured_at, evidence.record_id
FROM accounts
JOIN institutions ON institutions.scan_id = accounts.scan_id AND institutions.id = accounts.institution_id
LEFT JOIN evidence ON evidence.scan_id = accounts.scan_id AND evidence.institution_id = accounts.institution_id
    AND evidence.account_position = accounts.position AND evidence.position = 0;

-- One row for each assessed institution and network with an official account, closed networks included.
CREATE VIEW v_presence AS
SELECT accounts.scan_id, accounts.institution_id, institutions.name AS institution, institutions.type,
       institutions.region, accounts.network, accounts.url AS account_url
FROM accounts
JOIN institutions ON institutions.scan_id = accounts.scan_id AND institutions.id = accounts.institution_id
WHERE accounts.role = 'official' AND accounts.is_main = 1;

-- 'ceGA' in ASCII: tells this file from the databases of other programs.
PRAGMA application_id = 0x63654741;
PRAGMA user_version = 1;
