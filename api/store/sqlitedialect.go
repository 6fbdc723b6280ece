package store

import (
	"database/sql"
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
)

// sqliteDialect is SQLite as gorm's query builder needs it. Tables are made by migrations, never by gorm.
type sqliteDialect struct{ conn *sql.DB }

var (
	_ gorm.Dialector       = sqliteDialect{}
	_ gorm.ErrorTranslator = sqliteDialect{}
)

// Name implements gorm.Dialector.
func (sqliteDialect) Name() string { return SQLite }

// Initialize implements gorm.Dialector.
func (d sqliteDialect) Initialize(db *gorm.DB) error {
	db.ConnPool = d.conn
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{
		CreateClauses:        []string{"INSERT", "VALUES", "ON CONFLICT", "RETURNING"},
		UpdateClauses:        []string{"UPDATE", "SET", "FROM", "WHERE", "RETURNING"},
		DeleteClauses:        []string{"DELETE", "FROM", "WHERE", "RETURNING"},
		LastInsertIDReversed: true,
	})
	db.ClauseBuilders["FOR"] = func(clause.Clause, clause.Builder) {} // the only writer has every row locked
	return nil
}

// Migrator implements gorm.Dialector.
func (d sqliteDialect) Migrator(db *gorm.DB) gorm.Migrator {
	return migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d}}
}

// DataTypeOf implements gorm.Dialector.
func (sqliteDialect) DataTypeOf(f *schema.Field) string { return string(f.DataType) }

// DefaultValueOf implements gorm.Dialector.
func (sqliteDialect) DefaultValueOf(*schema.Field) clause.Expression {
	return clause.Expr{SQL: "NULL"} // what a column with a number of its own takes for "the next one"
}

// BindVarTo implements gorm.Dialector.
func (sqliteDialect) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) { _ = w.WriteByte('?') }

// QuoteTo implements gorm.Dialector.
func (sqliteDialect) QuoteTo(w clause.Writer, name string) {
	for i, part := range strings.Split(name, ".") {
		if i > 0 {
			_ = w.WriteByte('.')
		}
		_, _ = w.WriteString("`" + strings.ReplaceAll(strings.Trim(part, "`"), "`", "``") + "`")
	}
}

// Explain implements gorm.Dialector.
func (sqliteDialect) Explain(text string, vars ...any) string {
	return logger.ExplainSQL(text, nil, `"`, vars...)
}

// Translate implements gorm.ErrorTranslator.
func (sqliteDialect) Translate(err error) error {
	e, ok := errors.AsType[sqliteError](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case sqliteUnique, sqlitePrimaryKey:
		return gorm.ErrDuplicatedKey
	case sqliteForeignKey:
		return gorm.ErrForeignKeyViolated
	}
	return err
}
