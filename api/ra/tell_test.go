package ra

import "testing"

// TestNoticeValuesInEnglish keeps a new kind of application from being named in Chinese within an English notice.
func TestNoticeValuesInEnglish(t *testing.T) {
	for kind, name := range kindNames {
		if inEnglish[name] == "" {
			t.Errorf("%s (%s) has no English name", kind, name)
		}
	}
}
