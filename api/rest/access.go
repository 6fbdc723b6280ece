package rest

import "signet/api/account"

// access says who may call an operation.
type access struct {
	caller caller
	verb   account.Verb // of a session
}

type caller int

const (
	anyone      caller = iota + 1
	session            // a logged-in person whom account.Can allows the verb
	agent              // ukeyd, by a request signed with its pairing key
	connected          // a registration authority outside, by its API key
	application        // the server of a filed application, by its API key
	dev                // anyone, but only in `signet dev`
)

// accessTable is the only place that says who may call what. An operation without a row keeps the server from starting.
var accessTable = map[string]access{
	"GetHealth":     {caller: anyone},
	"ListProjects":  {caller: anyone},
	"GetProject":    {caller: anyone},
	"CreateCaptcha": {caller: anyone},
	"CreateSession": {caller: anyone},
	"Verify":        {caller: anyone},
	"SendResetCode": {caller: anyone}, // a captcha before each code, limits per phone and address
	"ResetPassword": {caller: anyone}, // the code is the credential

	"CreateAudioCaptcha":   {caller: anyone},
	"GetAgreement":         {caller: anyone},
	"SendRegistrationCode": {caller: anyone}, // a captcha before each code, limits per phone and address: also the next of these
	"Register":             {caller: anyone}, // the code is the credential
	"SendLoginCode":        {caller: anyone},
	"CreateSessionByCode":  {caller: anyone},
	"CreateKeyLogin":       {caller: anyone},
	"GrantKeyLogin":        {caller: anyone}, // the nonce, the agent's signature, the key's signature are the credentials
	"CreateKeyLoginTicket": {caller: anyone},
	"CreateSessionByKey":   {caller: anyone},
	"SendNumberCode":       {caller: anyone},
	"AskNumber":            {caller: anyone},
	"SendProgressCode":     {caller: anyone}, // these codes go to phones on record only
	"ShowProgress":         {caller: anyone},
	"SendSuspensionCode":   {caller: anyone},
	"ListSuspendable":      {caller: anyone},
	"SuspendCertificates":  {caller: anyone},
	"ShowInvitation":       {caller: anyone}, // the link is the credential
	"AcceptInvitation":     {caller: anyone},
	"ConfirmEmail":         {caller: anyone},

	"SetDisplayName":  {session, account.ProfileAct},
	"SendPhoneCodes":  {session, account.ProfileAct},
	"ChangePhone":     {session, account.ProfileAct},
	"SendEmailLink":   {session, account.ProfileAct},
	"RequestClosure":  {session, account.ProfileAct},
	"WithdrawClosure": {session, account.ProfileAct},

	"ListNotices": {session, account.ProfileAct},
	"ReadNotice":  {session, account.ProfileAct},
	"ReadNotices": {session, account.ProfileAct},

	"GetNoticePreferences":  {session, account.ProfileAct},
	"SetNoticePreferences":  {session, account.ProfileAct},
	"ListWebhooks":          {session, account.KeysAct},
	"AddWebhook":            {session, account.KeysAct},
	"SetWebhook":            {session, account.KeysAct},
	"RemoveWebhook":         {session, account.KeysAct},
	"TestWebhook":           {session, account.KeysAct},
	"ListWebhookDeliveries": {session, account.KeysAct},
	"RedeliverWebhook":      {session, account.KeysAct},

	"SearchInventory":         {session, account.InventoryRead},
	"GetInventoryCertificate": {session, account.InventoryRead},
	"ChangeCertificateStatus": {session, account.RevocationAct},
	"ListStatusBatches":       {session, account.InventoryRead},
	"RequestStatusBatch":      {session, account.RevocationAct},
	"DecideStatusBatch":       {session, account.RevocationAct},
	"ImportHolders":           {session, account.ImportAct},
	"ExportHolders":           {session, account.ImportAct},

	"GetStatistics":    {session, account.StatisticsRead},
	"ExportStatistics": {session, account.StatisticsRead},

	"ListMembers":      {session, account.HolderRead},
	"ListJoins":        {session, account.MembersAct},
	"InviteMember":     {session, account.MembersAct},
	"DecideJoin":       {session, account.MembersAct},
	"SetMember":        {session, account.MembersAct},
	"RemoveMember":     {session, account.MembersAct},
	"SendTransferCode": {session, account.MembersAct},
	"TransferOwner":    {session, account.MembersAct},
	"ListCompanyKeys":  {session, account.KeysAct},
	"CreateCompanyKey": {session, account.KeysAct},
	"RevokeCompanyKey": {session, account.KeysAct},

	"ListOrganisations":  {session, account.WindowAct},
	"GetOrganisation":    {session, account.WindowAct},
	"VerifyOrganisation": {session, account.WindowAct},
	"ListTickets":        {session, account.WindowAct},
	"GetTicketLicence":   {session, account.WindowAct},
	"AnswerTicket":       {session, account.WindowAct},

	"GetSession":      {session, account.SessionRead},
	"DeleteSession":   {session, account.SessionRead},
	"AcceptAgreement": {session, account.SessionRead},

	"ListServed":         {session, account.HolderRead},
	"SwitchOrganisation": {session, account.HolderRead},
	"JoinOrganisation":   {session, account.HolderRead},
	"AskToJoin":          {session, account.HolderRead},

	"GetPendingLogin":  {caller: anyone}, // the cookie of the login that waits is the credential, here and in the next seven
	"AbandonLogin":     {caller: anyone},
	"FinishLogin":      {caller: anyone},
	"EnrolLoginTOTP":   {caller: anyone},
	"ConfirmLoginTOTP": {caller: anyone},
	"StartLoginScan":   {caller: anyone},
	"GetLoginScan":     {caller: anyone},
	"FinishLoginScan":  {caller: anyone},
	"EnrolPhone":       {caller: anyone}, // the QR code and the phone's signature are the credential, here and in the next two
	"ScanLogin":        {caller: anyone},
	"DecideScan":       {caller: anyone},

	"ListFactors":        {session, account.ProfileAct},
	"EnrolTOTP":          {session, account.ProfileAct},
	"ConfirmTOTP":        {session, account.ProfileAct},
	"StartPhone":         {session, account.ProfileAct},
	"GetPhoneScan":       {session, account.ProfileAct},
	"ConfirmPhone":       {session, account.ProfileAct},
	"RenewRecoveryCodes": {session, account.ProfileAct},
	"RemoveFactor":       {session, account.ProfileAct},

	"ListStaff":               {session, account.StaffRead},
	"SetStaffFrozen":          {session, account.AdminAccounts},
	"ResetStaffFactors":       {session, account.StaffInvite},
	"ListStaffInvitations":    {session, account.StaffRead},
	"InviteStaff":             {session, account.StaffInvite},
	"WithdrawStaffInvitation": {session, account.StaffInvite},
	"ListGrants":              {session, account.StaffRead},
	"RequestGrant":            {session, account.StaffGrant},
	"DecideGrant":             {session, account.StaffGrant},
	"ReviewGrant":             {session, account.StaffGrant},
	"EndGrant":                {session, account.StaffGrant},
	"ListStaffKeys":           {session, account.StaffSign},
	"BindStaffKey":            {session, account.StaffSign},
	"DecideStaffKey":          {session, account.StaffGrant},
	"EndStaffKey":             {session, account.StaffSign},
	"SignStaffText":           {session, account.StaffSign},
	"PreviewStaffInvitation":  {caller: anyone}, // the token of the link is the credential
	"JoinStaff":               {caller: anyone},

	"GetSupplement":       {session, account.SupplementRead},
	"CompleteSupplement":  {session, account.SupplementAct},
	"SendSupplementCode":  {session, account.SupplementAct},
	"CheckSupplementCode": {session, account.SupplementAct},

	"GetProfile":          {session, account.HolderRead},
	"ChangePassword":      {session, account.ProfileAct},
	"ListSessions":        {session, account.ProfileAct},
	"EndSession":          {session, account.ProfileAct},
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
	"CreateRenewalBatch":  {session, account.HolderAct},
	"ListRenewalBatches":  {session, account.HolderRead},
	"GetRenewalBatch":     {session, account.HolderRead},
	"ListApplications":    {session, account.HolderRead},
	"GetApplication":      {session, account.HolderRead},
	"SignConsent":         {session, account.HolderAct},
	"StartEnrolment":      {session, account.HolderAct},
	"WithdrawApplication": {session, account.HolderAct},

	"CreateApplication":   {session, account.HolderAct},
	"UpdateApplication":   {session, account.HolderAct},
	"SubmitApplication":   {session, account.HolderAct},
	"SendApplicationCode": {session, account.HolderAct},
	"ListPolicies":        {caller: anyone},

	"ListReviewQueue":     {session, account.ReviewerRead},
	"GetReviewStatistics": {session, account.ReviewerRead},
	"GetReview":           {session, account.ReviewerRead},
	"ClaimApplication":    {session, account.ReviewerRead}, // which of the two reviews it is, and who may do it, the engine says
	"ReleaseApplication":  {session, account.ReviewerRead},
	"PrepareDecision":     {session, account.ReviewerRead},
	"DecideApplication":   {session, account.ReviewerRead},
	"ListHolidays":        {session, account.ContentRead},

	"ListMaterials":       {session, account.HolderRead},
	"AddMaterial":         {session, account.HolderAct},
	"GetMaterial":         {session, account.HolderRead},
	"RemoveMaterial":      {session, account.HolderAct},
	"GetLetter":           {session, account.HolderRead},
	"GetOrderLetter":      {session, account.HolderRead},
	"GetRecoveryLetter":   {session, account.HolderRead},
	"GetPublicLetter":     {caller: anyone}, // limited per address
	"ListReviewMaterials": {session, account.ReviewerRead},
	"GetReviewMaterial":   {session, account.ReviewerRead},

	"RequestRecovery":     {session, account.HolderSwift},
	"ListRecoveries":      {session, account.HolderRead},
	"GetRecovery":         {session, account.HolderRead},
	"WithdrawRecovery":    {session, account.HolderAct},
	"FetchRecovered":      {session, account.HolderSwift},
	"WriteRecovered":      {session, account.HolderSwift},
	"ListOfficerCases":    {caller: anyone}, // an officer's signature in the body is the credential: officers have no accounts here
	"DecideCase":          {caller: anyone},
	"CreateOfficerTicket": {caller: anyone}, // the grant of the agent beside the page is the credential, as in a login by key

	"GetSlip":        {session, account.HolderRead},
	"UploadSlip":     {session, account.HolderAct},
	"StartCharge":    {session, account.HolderAct},
	"RequestRefund":  {session, account.HolderAct},
	"WithdrawRefund": {session, account.HolderAct},
	"RequestInvoice": {session, account.HolderAct},
	"CancelInvoice":  {session, account.HolderAct},
	"GetInvoiceFile": {session, account.HolderRead},
	"ListTerms":      {caller: anyone},

	"GetAnyOrder":       {session, account.FinanceRead},
	"GetAnySlip":        {session, account.FinanceRead},
	"AskRefund":         {session, account.FinanceOrders},
	"ExportOrders":      {session, account.FinanceRead},
	"ListRefunds":       {session, account.FinanceRead},
	"DecideRefund":      {session, account.RefundAct},
	"FinishRefund":      {session, account.FinanceOrders},
	"ListInvoices":      {session, account.FinanceRead},
	"GetAnyInvoiceFile": {session, account.FinanceRead},
	"UploadInvoice":     {session, account.FinanceOrders},
	"ListStatements":    {session, account.FinanceRead},
	"UploadStatement":   {session, account.FinanceOrders},
	"GetStatement":      {session, account.FinanceRead},
	"CommitStatement":   {session, account.FinanceOrders},
	"ListPrices":        {session, account.FinanceRead},

	"ListContent":         {session, account.ContentRead},
	"GetContent":          {session, account.ContentRead},
	"ListContentVersions": {session, account.ContentRead},
	"GetContentVersion":   {session, account.ContentRead},
	"CheckContent":        {session, account.ContentRead}, // whose item it is, and who may draft and publish it, content says: here and in the next two
	"SaveContentDraft":    {session, account.ContentRead},
	"MoveContentDraft":    {session, account.ContentRead},

	"ListAudit":   {session, account.AuditRead},
	"VerifyAudit": {session, account.AuditRead},
	"ExportAudit": {session, account.AuditRead},

	"ListAuditCheckpoints": {session, account.AuditRead},
	"SignAuditCheckpoint":  {session, account.AuditSeal},
	"ListAlarms":           {session, account.AuthorityRead},
	"TestAlarm":            {session, account.AlarmAct},
	"AcknowledgeAlarm":     {session, account.AlarmAct},
	"ListBackgroundJobs":   {session, account.AuthorityRead},
	"RetryBackgroundJob":   {session, account.AdminSettings},
	"SearchNotices":        {session, account.NoticeRead},
	"ResendNotice":         {session, account.AdminSettings},

	"GetIssuance":   {session, account.IssuanceRead},
	"AskStop":       {session, account.IssuanceStop},
	"DecideStop":    {session, account.IssuanceStop},
	"GetOperations": {session, account.AuthorityRead},
	"ListProfiles":  {session, account.AuthorityRead},
	"TryProfile":    {session, account.AuthorityRead},

	"ListAllOrders": {session, account.FinanceRead},
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

	"ListOrigins":          {caller: agent},
	"ListTicketKeys":       {caller: agent},
	"CreateLoopbackNonce":  {session, account.AgentAct},
	"OpenLoopback":         {session, account.AgentAct},
	"TakeJob":              {session, account.AgentAct},
	"OpenPlatformLoopback": {caller: application},
	"CreatePlatformTicket": {caller: application},

	"StationBatches": {caller: agent},
	"StationSign":    {caller: agent},
	"StationClaim":   {caller: agent},

	"SendUnlockCode": {session, account.HolderAct},
	"RequestUnlock":  {session, account.HolderAct},
	"GetUnlock":      {session, account.HolderRead},
	"StartUnlock":    {session, account.HolderAct},
	"WithdrawUnlock": {session, account.HolderAct},
	"ListMyTokens":   {session, account.HolderRead},
	"ChangeTokenPIN": {session, account.HolderAct},
	"TakeOverToken":  {session, account.HolderAct},

	"LabelTokenKey":   {session, account.HolderAct},
	"DeleteTokenKeys": {session, account.HolderAct},

	"InitToken":    {session, account.HolderAct},
	"ListUnlocks":  {session, account.ReviewerRead},
	"DecideUnlock": {session, account.ReviewerAct},

	"PrepareUnlockDecision":   {session, account.ReviewerAct},
	"PrepareRecoveryDecision": {session, account.ReviewerRead},

	"ListSeals":         {session, account.HolderRead},
	"AddSeal":           {session, account.HolderAct},
	"RemindSeals":       {session, account.HolderAct},
	"RemoveSeal":        {session, account.HolderAct},
	"ListAllSeals":      {session, account.SealRead},
	"LiftSeal":          {session, account.SealAct},
	"ListPlatformSeals": {caller: application}, // with the right to register sealed bids
	"RegisterSeal":      {caller: application},
	"ReleaseSeal":       {caller: application},

	"GetAddress":      {session, account.HolderRead},
	"SetAddress":      {session, account.HolderAct},
	"ListMyShipments": {session, account.HolderRead},
	"GetMyShipment":   {session, account.HolderRead},
	"SendReceiptCode": {session, account.HolderAct},
	"ConfirmReceipt":  {session, account.HolderAct},
	"ListShipments":   {session, account.ShipmentRead},
	"GetShipment":     {session, account.ShipmentRead},
	"PackShipment":    {session, account.ShipmentAct},
	"ShipShipment":    {session, account.ShipmentAct},
	"DeliverShipment": {session, account.ShipmentAct},
	"ReturnShipment":  {session, account.ShipmentAct},

	"ListAllRecoveries": {session, account.ReviewerRead},
	"GetStaffRecovery":  {session, account.ReviewerRead},
	"DecideRecovery":    {session, account.ReviewerRead}, // whose step it is, ra decides

	"ListTokens":       {session, account.TokenRead},
	"CountTokens":      {session, account.TokenRead},
	"RegisterTokens":   {session, account.TokenAct},
	"MoveToken":        {session, account.TokenAct},
	"ReleaseToken":     {session, account.TokenAct},
	"ListFlashBatches": {session, account.TokenRead},
	"CreateFlashBatch": {session, account.TokenAct},
	"GetFlashBatch":    {session, account.TokenRead},
	"PrintFlashLetter": {session, account.TokenAct},
	"GiveUpFlashKey":   {session, account.TokenAct},

	"IssueConnected":   {caller: connected},
	"RevokeConnected":  {caller: connected},
	"SuspendConnected": {caller: connected},
	"ResumeConnected":  {caller: connected},

	"ListOutbox": {caller: dev},
}
