package sweep

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named sqlite

	"gpusim/report"
)

// storeFormat is the form of the tables. Another one is refused, not read.
const storeFormat = "gpusim-points-1"

// Store keeps outcomes by key in an SQLite file. What Put was given is on its way to
// the file within a second; a process that is killed loses no more than that, and the
// file is whole at any moment. Several processes may use one file.
type Store struct {
	Own bool // no other process uses it: without points its file goes at the end

	db   *sql.DB
	find *sql.Stmt
	path string

	mu      sync.Mutex
	pending map[string]*Outcome // not yet in the file
	failure error
	wake    chan struct{}
	done    chan struct{}
	closing sync.Once
}

// StoreError is a store that cannot be used. The file is left as it is.
type StoreError struct {
	Path   string
	Reason string
}

func (e *StoreError) Error() string { return fmt.Sprintf("store %s: %s", e.Path, e.Reason) }

// OpenStore opens a store, or makes it.
func OpenStore(path string) (*Store, error) {
	fail := func(err error) (*Store, error) {
		reason := err.Error()
		if m := strings.ToLower(reason); strings.Contains(m, "malformed") || strings.Contains(m, "not a database") || strings.Contains(m, "corrupt") {
			reason = "the file is damaged or no store (" + reason + "); it was not changed: move it away to begin anew"
		}
		return nil, &StoreError{path, reason}
	}
	_, statErr := os.Stat(path)
	fresh := errors.Is(statErr, os.ErrNotExist)
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{"_pragma": {
		"busy_timeout(20000)", "journal_mode(WAL)", "synchronous(NORMAL)"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return fail(err)
	}
	db.SetMaxOpenConns(1)
	if err := prepare(db, fresh); err != nil {
		_ = db.Close()
		return fail(err)
	}
	find, err := db.Prepare("SELECT cells, error FROM points WHERE key = ?")
	if err != nil {
		_ = db.Close()
		return fail(err)
	}
	s := &Store{db: db, find: find, path: path, pending: map[string]*Outcome{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.writer()
	return s, nil
}

// prepare checks a file, or makes its tables.
func prepare(db *sql.DB, fresh bool) error {
	if !fresh {
		var verdict string
		if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("malformed: %s", verdict)
		}
		var tables int
		if err := db.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
			return err
		}
		if tables > 0 {
			var format string
			switch err := db.QueryRow("SELECT value FROM meta WHERE name = 'format'").Scan(&format); {
			case err != nil:
				return fmt.Errorf("it is an SQLite file, but no store of gpusim's")
			case format != storeFormat:
				return fmt.Errorf("it is of another version (%s; this gpusim reads %s); it was not changed: name another file, or keep that version of gpusim for it", format, storeFormat)
			}
			return nil
		}
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect once committed
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS points (key TEXT PRIMARY KEY, machine TEXT NOT NULL, fidelity TEXT NOT NULL, cells TEXT NOT NULL, error TEXT NOT NULL) WITHOUT ROWID",
		"INSERT OR IGNORE INTO meta VALUES ('format', '" + storeFormat + "'), ('columns', '" + strings.Join(report.SummaryColumns(), ",") + "')",
	} {
		if _, err := tx.Exec(q); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Get gives a point's outcome; nil if it is not there.
func (s *Store) Get(key string) (*Outcome, error) {
	s.mu.Lock()
	o, err := s.pending[key], s.failure
	s.mu.Unlock()
	if o != nil || err != nil {
		return o, err
	}
	var cells, reason string
	switch err := s.find.QueryRow(key).Scan(&cells, &reason); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, &StoreError{s.path, err.Error()}
	}
	o = &Outcome{Error: reason}
	if reason == "" {
		if err := json.Unmarshal([]byte(cells), &o.Cells); err != nil {
			return nil, &StoreError{s.path, fmt.Sprintf("the row of point %s is damaged: %v", key, err)}
		}
	}
	return o, nil
}

// mostPending bounds what waits for the file.
const mostPending = 512

// Put keeps a point's outcome. A key that is there already stays as it is.
func (s *Store) Put(key string, o *Outcome) error {
	for {
		s.mu.Lock()
		if s.failure != nil || len(s.pending) < mostPending {
			break
		}
		s.mu.Unlock()
		s.kick()
		time.Sleep(time.Millisecond)
	}
	defer s.mu.Unlock()
	if s.failure == nil {
		s.pending[key] = o
	}
	return s.failure
}

func (s *Store) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// writer brings what waits to the file, many rows at a time.
func (s *Store) writer() {
	defer close(s.done)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for open := true; open; {
		select {
		case <-tick.C:
		case _, open = <-s.wake:
		}
		s.mu.Lock()
		batch := make(map[string]*Outcome, len(s.pending))
		for k, o := range s.pending {
			batch[k] = o
		}
		s.mu.Unlock()
		err := s.write(batch)
		s.mu.Lock()
		for k := range batch {
			delete(s.pending, k)
		}
		if err != nil && s.failure == nil {
			s.failure = &StoreError{s.path, err.Error()}
		}
		s.mu.Unlock()
	}
}

func (s *Store) write(batch map[string]*Outcome) error {
	if len(batch) == 0 {
		return nil
	}
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	insert, err := tx.Prepare("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	for key, o := range batch {
		cells, err := json.Marshal(o.Cells)
		if err != nil {
			return err
		}
		named := o.cells()
		if _, err := insert.Exec(key, named["machine"], named["fidelity"], string(cells), o.Error); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Count is the number of points in the file.
func (s *Store) Count() (n int, err error) {
	err = s.db.QueryRow("SELECT count(*) FROM points").Scan(&n)
	return n, err
}

// Close writes what waits and closes the file. It may be called again.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.wake)
		<-s.done
		n, err := s.Count()
		empty := err == nil && n == 0 && s.failure == nil
		if err := s.db.Close(); s.failure == nil && err != nil {
			s.failure = &StoreError{s.path, err.Error()}
		}
		if s.Own && empty {
			_ = os.Remove(s.path)
		}
	})
	return s.failure
}
