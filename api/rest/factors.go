package rest

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"
	"rsc.io/qr"

	"signet/api/account"
	"signet/api/problem"
)

// pendingCookie goes with a login that waits for its second factor, to these addresses only.
const pendingCookie = "signet_login"

func (s *Server) setPending(c context.Context, token string, maxAge int) {
	http.SetCookie(c.(*gin.Context).Writer, &http.Cookie{
		Name: pendingCookie, Value: token, Path: basePath + "/session/pending", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
	})
}

var errNothingPends = problem.New(problem.Unauthenticated, problem.CodeLoginStepOver, "No login waits here; begin again.")

// pending reads the token of the login that waits.
func pending(c context.Context) (account.Token, error) {
	value, err := c.(*gin.Context).Cookie(pendingCookie)
	if err != nil || value == "" {
		return "", errNothingPends
	}
	return account.Token(value), nil
}

// wait answers a right password whose second factor is awaited.
func (s *Server) wait(c context.Context, needed *account.FactorNeeded) PendingLogin {
	s.setPending(c, string(needed.Token), 0)
	return s.showPending(needed.Pending)
}

func (s *Server) showPending(p account.Pending) PendingLogin {
	return PendingLogin{
		Id: p.ID, Login: p.Login, Enrol: p.Enrol, ExpiresAt: p.ExpiresAt, ServerTime: s.now(),
		Kinds: each(p.Kinds, func(k account.FactorKind) FactorKind { return FactorKind(k) }),
	}
}

// enterSession gives the browser its session instead of the login that waited.
func (s *Server) enterSession(c, ctx context.Context, opened *account.Session, token account.Token) (Session, error) {
	shown, err := s.showSession(ctx, opened)
	if err != nil {
		return Session{}, err
	}
	s.setPending(c, "", -1)
	s.setCookie(c, string(token), 0)
	return shown, nil
}

// GetPendingLogin shows the login that waits.
func (s *Server) GetPendingLogin(c context.Context, _ GetPendingLoginRequestObject) (GetPendingLoginResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	p, err := s.c.Accounts.Waiting(ctx, token)
	if err != nil {
		return nil, err
	}
	return GetPendingLogin200JSONResponse(s.showPending(p)), nil
}

// AbandonLogin gives it up.
func (s *Server) AbandonLogin(c context.Context, _ AbandonLoginRequestObject) (AbandonLoginResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	if err := s.c.Accounts.Abandon(ctx, token); err != nil {
		return nil, err
	}
	s.setPending(c, "", -1)
	return AbandonLogin204Response{}, nil
}

// FinishLogin takes a code.
func (s *Server) FinishLogin(c context.Context, r FinishLoginRequestObject) (FinishLoginResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	opened, cookie, err := s.c.Accounts.FinishByCode(ctx, token, r.Body.Code)
	if err != nil {
		return nil, err
	}
	shown, err := s.enterSession(c, ctx, opened, cookie)
	return FinishLogin200JSONResponse(shown), err
}

// EnrolLoginTOTP draws the first secret.
func (s *Server) EnrolLoginTOTP(c context.Context, _ EnrolLoginTOTPRequestObject) (EnrolLoginTOTPResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	e, err := s.c.Accounts.EnrolWaiting(ctx, token)
	if err != nil {
		return nil, err
	}
	shown, err := showTOTP(e)
	return EnrolLoginTOTP201JSONResponse(shown), err
}

// ConfirmLoginTOTP takes the first secret into use.
func (s *Server) ConfirmLoginTOTP(c context.Context, r ConfirmLoginTOTPRequestObject) (ConfirmLoginTOTPResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	opened, cookie, codes, err := s.c.Accounts.FinishEnrolment(ctx, token, r.Body.FactorId, r.Body.Code)
	if err != nil {
		return nil, err
	}
	shown, err := s.enterSession(c, ctx, opened, cookie)
	return ConfirmLoginTOTP200JSONResponse{Session: shown, Codes: plain(codes)}, err
}

// StartLoginScan shows a QR code.
func (s *Server) StartLoginScan(c context.Context, _ StartLoginScanRequestObject) (StartLoginScanResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	scan, err := s.c.Accounts.StartScan(ctx, token)
	if err != nil {
		return nil, err
	}
	shown, err := s.showScan(scan, "login")
	return StartLoginScan201JSONResponse(shown), err
}

// GetLoginScan says how it fares.
func (s *Server) GetLoginScan(c context.Context, _ GetLoginScanRequestObject) (GetLoginScanResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	scan, err := s.c.Accounts.ScanOf(ctx, token)
	if err != nil {
		return nil, err
	}
	shown, err := s.showScan(scan, "")
	return GetLoginScan200JSONResponse(shown), err
}

// FinishLoginScan exchanges a confirmed code.
func (s *Server) FinishLoginScan(c context.Context, _ FinishLoginScanRequestObject) (FinishLoginScanResponseObject, error) {
	ctx, _ := enter(c)
	token, err := pending(c)
	if err != nil {
		return nil, err
	}
	opened, cookie, err := s.c.Accounts.FinishByScan(ctx, token)
	if err != nil {
		return nil, err
	}
	shown, err := s.enterSession(c, ctx, opened, cookie)
	return FinishLoginScan200JSONResponse(shown), err
}

// showScan shows a code; act is login or enrol when it was just made. The secret stands behind #, which browsers do not send.
func (s *Server) showScan(v account.Scan, act string) (Scan, error) {
	shown := Scan{Id: v.ID, State: ScanState(v.State), Phone: some(v.Phone), Mark: some(v.Mark), ExpiresAt: v.ExpiresAt, ServerTime: s.now()}
	if act == "" {
		return shown, nil
	}
	url := s.c.Origins[0] + "/phone#" + act + "=" + string(v.Secret)
	image, err := qrImage(url)
	if err != nil {
		return Scan{}, err
	}
	shown.Url, shown.Qr = &url, &image
	return shown, nil
}

// qrImage draws a QR code as a data URL.
func qrImage(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	code.Scale = 6
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG()), nil
}

func showTOTP(e account.TOTPEnrolment) (TOTPEnrolment, error) {
	image, err := qrImage(string(e.URI))
	return TOTPEnrolment{FactorId: e.FactorID, Secret: string(e.Secret), Uri: string(e.URI), Qr: image}, err
}

// plain shows secrets that are shown once.
func plain(codes []account.Password) []string {
	return each(codes, func(p account.Password) string { return string(p) })
}

// EnrolPhone registers a phone's key.
func (s *Server) EnrolPhone(c context.Context, r EnrolPhoneRequestObject) (EnrolPhoneResponseObject, error) {
	ctx, _ := enter(c)
	p, err := s.c.Accounts.EnrolPhone(ctx, account.PhoneKey{Secret: account.Token(r.Body.Secret), SPKI: r.Body.Spki, Name: r.Body.Name, Signature: r.Body.Signature})
	if err != nil {
		return nil, err
	}
	return EnrolPhone201JSONResponse{FactorId: p.FactorID, Login: p.Login, Mark: p.Mark}, nil
}

// ScanLogin notes a scan.
func (s *Server) ScanLogin(c context.Context, r ScanLoginRequestObject) (ScanLoginResponseObject, error) {
	ctx, _ := enter(c)
	l, err := s.c.Accounts.ScanLogin(ctx, account.PhoneAct{Secret: account.Token(r.Body.Secret), FactorID: r.Body.FactorId, Signature: r.Body.Signature})
	if err != nil {
		return nil, err
	}
	return ScanLogin200JSONResponse{Login: l.Login, UserAgent: l.UserAgent, Address: l.Address, At: l.At, ExpiresAt: l.ExpiresAt, ServerTime: s.now()}, nil
}

// DecideScan is the decision on the phone.
func (s *Server) DecideScan(c context.Context, r DecideScanRequestObject) (DecideScanResponseObject, error) {
	ctx, _ := enter(c)
	act := account.PhoneAct{Secret: account.Token(r.Body.Secret), FactorID: r.Body.FactorId, Signature: r.Body.Signature}
	if err := s.c.Accounts.DecideScan(ctx, act, r.Body.Confirm); err != nil {
		return nil, err
	}
	return DecideScan204Response{}, nil
}

// ListFactors lists one's own second factors.
func (s *Server) ListFactors(c context.Context, _ ListFactorsRequestObject) (ListFactorsResponseObject, error) {
	ctx, in := enter(c)
	list, left, err := s.c.Accounts.Factors(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListFactors200JSONResponse{CodesLeft: left, Required: s.c.Accounts.FactorRequired(in.actor), Items: each(list, func(f account.Factor) Factor {
		return Factor{Id: f.ID, Kind: FactorKind(f.Kind), Name: f.Name, CreatedAt: f.CreatedAt, UsedAt: someTime(f.UsedAt)}
	})}, nil
}

// EnrolTOTP draws a secret.
func (s *Server) EnrolTOTP(c context.Context, _ EnrolTOTPRequestObject) (EnrolTOTPResponseObject, error) {
	ctx, in := enter(c)
	e, err := s.c.Accounts.EnrolTOTP(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	shown, err := showTOTP(e)
	return EnrolTOTP201JSONResponse(shown), err
}

// ConfirmTOTP takes it into use.
func (s *Server) ConfirmTOTP(c context.Context, r ConfirmTOTPRequestObject) (ConfirmTOTPResponseObject, error) {
	ctx, in := enter(c)
	codes, err := s.c.Accounts.ConfirmTOTP(ctx, in.actor, r.Body.FactorId, r.Body.Code)
	if err != nil {
		return nil, err
	}
	return ConfirmTOTP200JSONResponse{Codes: plain(codes)}, nil
}

// StartPhone shows a QR code that binds a phone.
func (s *Server) StartPhone(c context.Context, _ StartPhoneRequestObject) (StartPhoneResponseObject, error) {
	ctx, in := enter(c)
	scan, err := s.c.Accounts.StartPhone(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	shown, err := s.showScan(scan, "enrol")
	return StartPhone201JSONResponse(shown), err
}

// GetPhoneScan says how it fares.
func (s *Server) GetPhoneScan(c context.Context, _ GetPhoneScanRequestObject) (GetPhoneScanResponseObject, error) {
	ctx, in := enter(c)
	scan, err := s.c.Accounts.PhoneScan(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	shown, err := s.showScan(scan, "")
	return GetPhoneScan200JSONResponse(shown), err
}

// ConfirmPhone takes the phone into use.
func (s *Server) ConfirmPhone(c context.Context, r ConfirmPhoneRequestObject) (ConfirmPhoneResponseObject, error) {
	ctx, in := enter(c)
	codes, err := s.c.Accounts.ConfirmPhone(ctx, in.actor, value(r.Body.Code))
	if err != nil {
		return nil, err
	}
	return ConfirmPhone200JSONResponse{Codes: plain(codes)}, nil
}

// RenewRecoveryCodes makes new ones.
func (s *Server) RenewRecoveryCodes(c context.Context, r RenewRecoveryCodesRequestObject) (RenewRecoveryCodesResponseObject, error) {
	ctx, in := enter(c)
	codes, err := s.c.Accounts.RenewRecovery(ctx, in.actor, r.Body.Code)
	if err != nil {
		return nil, err
	}
	return RenewRecoveryCodes200JSONResponse{Codes: plain(codes)}, nil
}

// RemoveFactor ends one.
func (s *Server) RemoveFactor(c context.Context, r RemoveFactorRequestObject) (RemoveFactorResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.RemoveFactor(ctx, in.actor, r.Id, r.Body.Code); err != nil {
		return nil, err
	}
	return RemoveFactor204Response{}, nil
}
