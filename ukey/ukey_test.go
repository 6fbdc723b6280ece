package ukey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestPINPrintsNothing(t *testing.T) {
	pin := PIN("Geheim-73")
	holder := struct {
		PIN  PIN
		Some any
	}{pin, pin}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "pin", pin, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "pin", pin, "holder", holder)
	j, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		fmt.Sprint(pin), fmt.Sprintf("%s %v %+v %#v %x %q %d", pin, pin, pin, pin, pin, pin, pin),
		fmt.Sprintf("%v %+v", holder, &holder), string(j), log.String(),
		fmt.Errorf("login: %v", pin).Error(),
	} {
		if strings.Contains(s, "Geheim") || strings.Contains(s, "47656") || strings.Contains(s, "71 101") {
			t.Errorf("a PIN printed: %s", s)
		}
	}
	pin.Wipe()
	if !bytes.Equal(pin, make([]byte, 9)) {
		t.Error("a wiped PIN still holds something")
	}
}

func TestCheckPIN(t *testing.T) {
	for pin, good := range map[string]bool{
		"": false, "12345": false, "123456": false, "654321": false, "111111": false, "abcdef": false,
		"135790": true, "Ab3$xyz": true, "密码密码": false, "12\x00456": false, strings.Repeat("x1", 17): false,
	} {
		if err := CheckPIN(PIN(pin)); (err == nil) != good || err != nil && !errors.Is(err, ErrWeakPIN) {
			t.Errorf("%q: %v", pin, err)
		}
	}
}

func TestKeyIDCheck(t *testing.T) {
	good := KeyIDOf([16]byte{0xAB, 1})
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, id := range []KeyID{"", "ab", good + "00", "../../etc/passwd0000000000000000", KeyID(strings.ToUpper(string(good)))} {
		if id.Check() == nil {
			t.Errorf("%q accepted", id)
		}
	}
}
