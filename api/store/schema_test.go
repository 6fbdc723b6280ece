package store_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"signet/api/store"
	"signet/api/store/storetest"
)

type wrongRow struct {
	ID        string
	Extra     int64
	CreatedAt int64
}

func (wrongRow) TableName() string { return "store_outbox" }

type noTable struct{ ID string }

func (noTable) TableName() string { return "store_nothing" }

func TestRowsMatchTheSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.CheckRows(t.Context(), store.RowTypes...); err != nil {
			t.Error(err)
		}
		err := db.CheckRows(t.Context(), wrongRow{}, noTable{})
		if err == nil {
			t.Fatal("a wrong row type passes")
		}
		for _, want := range []string{"store_outbox.extra", "store_outbox.topic has no field", "created_at: gorm would set it", "no table store_nothing"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in: %v", want, err)
			}
		}
	})
}

// TestDialectsHaveTheSameSchema compares tables, columns, nullability and keys.
func TestDialectsHaveTheSameSchema(t *testing.T) {
	lite, maria := storetest.Open(t), storetest.OpenMariaDB(t)
	liteColumns := texts(t, lite, `SELECT m.name || '.' || c.name || CASE c."notnull" WHEN 1 THEN '' ELSE ' null' END
 FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'store_migrations'`)
	mariaColumns := texts(t, maria, `SELECT CONCAT(table_name, '.', column_name, IF(is_nullable = 'NO', '', ' null'))
 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'store_migrations'`)
	equal(t, "columns", liteColumns, mariaColumns)

	liteKeys := texts(t, lite, `SELECT m.name || ' ' || (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
 FROM sqlite_master m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i."unique" = 1 AND m.name <> 'store_migrations'`)
	mariaKeys := texts(t, maria, `SELECT CONCAT(table_name, ' ', GROUP_CONCAT(column_name ORDER BY seq_in_index))
 FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 AND table_name <> 'store_migrations'
 GROUP BY table_name, index_name`)
	// SQLite has no index for an INTEGER PRIMARY KEY, the row's own number.
	mariaKeys = slices.DeleteFunc(mariaKeys, func(k string) bool {
		table, columns, _ := strings.Cut(k, " ")
		return columns == "id" && !slices.Contains(liteKeys, k) && rowNumber(t, lite, table)
	})
	equal(t, "unique keys", liteKeys, mariaKeys)
}

func rowNumber(t *testing.T, db *store.DB, table string) bool {
	ddl := texts(t, db, "SELECT sql FROM sqlite_master WHERE name = '"+table+"'")
	return len(ddl) == 1 && regexp.MustCompile(`\bid\s+INTEGER\s+NOT NULL PRIMARY KEY`).MatchString(ddl[0])
}

// texts reads one column of texts, sorted.
func texts(t *testing.T, db *store.DB, query string) []string {
	t.Helper()
	var list []string
	err := db.Snapshot(t.Context(), func(g *gorm.DB) error { return g.Raw(query).Scan(&list).Error })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func equal(t *testing.T, what string, sqlite, mysql []string) {
	t.Helper()
	for _, s := range sqlite {
		if !slices.Contains(mysql, s) {
			t.Errorf("%s: only sqlite has %s", what, s)
		}
	}
	for _, s := range mysql {
		if !slices.Contains(sqlite, s) {
			t.Errorf("%s: only mysql has %s", what, s)
		}
	}
	if len(sqlite) == 0 {
		t.Errorf("no %s at all", what)
	}
}
