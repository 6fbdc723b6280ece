package rest

import "signet/api/account"

// access says who may call an operation.
type access struct {
	caller caller
	verb   account.Verb // of a session
}

type caller int

const (
	anyone    caller = iota + 1
	session          // a logged-in person whom account.Can allows the verb
	agent            // ukeyd, by a request signed with its pairing key
	connected        // a registration authority outside, by its API key
	dev              // anyone, but only in `signet dev`
)

// accessTable is the only place that says who may call what. An operation without a row keeps the server from starting.
var accessTable = map[string]access{
	"GetHealth":     {caller: anyone},
	"ListProjects":  {caller: anyone},
	"GetProject":    {caller: anyone},
	"CreateCaptcha": {caller: anyone},
	"CreateSession": {caller: anyone},
	"Verify":        {caller: anyone},

	"GetSession":    {session, account.SessionRead},
	"DeleteSession": {session, account.SessionRead},

	"GetSupplement":       {session, account.SupplementRead},
	"CompleteSupplement":  {session, account.SupplementAct},
	"SendSupplementCode":  {session, account.SupplementAct},
	"CheckSupplementCode": {session, account.SupplementAct},

	"GetProfile":          {session, account.HolderRead},
	"ProvePossession":     {session, account.AgentAct},
	"ListServices":        {session, account.HolderRead},
	"GetService":          {session, account.HolderRead},
	"RenewService":        {session, account.HolderAct},
	"ListOrders":          {session, account.HolderRead},
	"GetOrder":            {session, account.HolderRead},
	"CloseOrder":          {session, account.HolderAct},
	"ListCertificates":    {session, account.HolderRead},
	"GetCertificate":      {session, account.HolderRead},
	"StartRenewal":        {session, account.HolderAct},
	"ListApplications":    {session, account.HolderRead},
	"GetApplication":      {session, account.HolderRead},
	"SignConsent":         {session, account.HolderAct},
	"StartEnrolment":      {session, account.HolderAct},
	"WithdrawApplication": {session, account.HolderAct},

	"ListAllOrders": {session, account.FinanceOrders},
	"ConfirmOrder":  {session, account.FinanceOrders},

	"CreatePairing": {session, account.AgentPair},
	"GetPairing":    {session, account.AgentPair},
	"ListAgents":    {session, account.AgentPair},
	"DeleteAgent":   {session, account.AgentPair},
	"CreateJob":     {session, account.AgentAct},
	"GetJob":        {session, account.AgentAct},
	"CancelJob":     {session, account.AgentAct},

	"PreviewPairing": {caller: anyone}, // the code is the credential
	"ConfirmPairing": {caller: anyone},
	"NextJob":        {caller: agent},
	"PostJobStep":    {caller: agent},
	"PostJobResult":  {caller: agent},

	"IssueConnected":   {caller: connected},
	"RevokeConnected":  {caller: connected},
	"SuspendConnected": {caller: connected},
	"ResumeConnected":  {caller: connected},

	"ListOutbox": {caller: dev},
}
