package rest

import (
	"slices"
	"testing"

	"signet/api/account"
)

// ofHolders are the verbs by which an organisation's people act.
var ofHolders = []account.Verb{
	account.SessionRead, account.SupplementRead, account.SupplementAct, account.ProfileAct, account.HolderRead, account.HolderAct, account.HolderSwift,
	account.MembersAct, account.KeysAct, account.AgentPair, account.AgentAct,
}

// TestEveryCompanyOperationHasAScope finds an operation of the portal that was forgotten when it was said what an API key reaches.
func TestEveryCompanyOperationHasAScope(t *testing.T) {
	for id, a := range accessTable {
		scope, reason := keyScopes[id], personal[id]
		switch company := a.caller == session && slices.Contains(ofHolders, a.verb); {
		case company && scope == "" && reason == "":
			t.Errorf("%s is an act of an organisation: give it a scope in keyScopes, or in personal the reason why an API key may not", id)
		case company && scope != "" && reason != "":
			t.Errorf("%s is in keyScopes and in personal", id)
		case !company && (scope != "" || reason != ""):
			t.Errorf("%s is no act of an organisation", id)
		}
	}
	for _, list := range []map[string]bool{named(keyScopes), named(personal)} {
		for id := range list {
			if _, known := accessTable[id]; !known {
				t.Errorf("there is no operation %s", id)
			}
		}
	}
}

func named[V any](m map[string]V) map[string]bool {
	names := map[string]bool{}
	for id := range m {
		names[id] = true
	}
	return names
}
