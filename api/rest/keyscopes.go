package rest

import "signet/api/account"

// keyScopes names the operations of a session that an organisation's own software may call too, with an API key of that scope. account.Can
// decides about the person who made the key as it does about a session. Left out is what needs a person: keys in a USB port, codes,
// passwords, members.
var keyScopes = map[string]account.Scope{
	"GetProfile":       account.ScopeRead,
	"ListMembers":      account.ScopeRead,
	"ListServices":     account.ScopeRead,
	"GetService":       account.ScopeRead,
	"ListOrders":       account.ScopeRead,
	"GetOrder":         account.ScopeRead,
	"ListCertificates": account.ScopeRead,
	"GetCertificate":   account.ScopeRead,
	"ListApplications": account.ScopeRead,
	"GetApplication":   account.ScopeRead,
	"ListRecoveries":   account.ScopeRead,
	"GetRecovery":      account.ScopeRead,
	"GetUnlock":        account.ScopeRead,
	"ListMyTokens":     account.ScopeRead,

	"RenewService": account.ScopeOrders,
	"CloseOrder":   account.ScopeOrders,

	"StartRenewal":        account.ScopeApplications,
	"WithdrawApplication": account.ScopeApplications,
	"WithdrawRecovery":    account.ScopeApplications,
	"WithdrawUnlock":      account.ScopeApplications,
}
