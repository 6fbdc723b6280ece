package content

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// Source is where documents of one kind take effect, in the package that owns the tables.
//
// Errors: Live gives CodeNotFound where nothing is in effect. Check refuses a document with a problem that names the field, and brings
// it to its one spelling, so that Live after Put gives the same document. Put joins the caller's transaction.
type Source[T any] interface {
	Titles(db *gorm.DB) (map[string]string, error) // of what is in effect, by key
	Live(db *gorm.DB, key string) (T, error)
	Check(db *gorm.DB, key string, document *T) error
	Put(tx *store.Tx, key string, document T) error
}

// Kind is one kind of content, with documents as JSON. Make it with [Of].
type Kind struct {
	titles func(db *gorm.DB) (map[string]string, error)
	live   func(db *gorm.DB, key string) ([]byte, error)
	check  func(db *gorm.DB, key string, document []byte) ([]byte, error)
	put    func(tx *store.Tx, key string, document []byte) error
}

// Of makes a kind of documents of one type, which is strict: a member that the type does not have is refused.
func Of[T any](s Source[T]) Kind {
	return Kind{
		titles: s.Titles,
		live: func(db *gorm.DB, key string) ([]byte, error) {
			document, err := s.Live(db, key)
			if err != nil {
				return nil, err
			}
			return json.Marshal(document)
		},
		check: func(db *gorm.DB, key string, text []byte) ([]byte, error) {
			document, err := read[T](text)
			if err != nil {
				return nil, err
			}
			if err := s.Check(db, key, &document); err != nil {
				return nil, err
			}
			return json.Marshal(document)
		},
		put: func(tx *store.Tx, key string, text []byte) error {
			document, err := read[T](text)
			if err != nil {
				return err
			}
			return s.Put(tx, key, document)
		},
	}
}

func read[T any](text []byte) (T, error) {
	var document T
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&document)
	if err == nil && !errors.Is(d.Decode(&struct{}{}), io.EOF) {
		err = errors.New("more than one document")
	}
	if err != nil {
		return document, problem.New(problem.Invalid, problem.CodeInvalidField, "The document is not of its kind: "+err.Error()).WithField("document").WithCause(err)
	}
	return document, nil
}
