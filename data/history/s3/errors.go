package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"

	"matrix/data/history"
)

// Error is about a request that did not do what it should.
type Error struct {
	Doing string // list, read, write, remove
	Where string // address of what it was about
	Err   error
	Hint  string // what to do; "" if nobody knows
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Doing, e.Where, e.Err)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Unwrap says that the history was not reached, and why.
func (e *Error) Unwrap() []error { return []error{history.ErrUnreachable, e.Err} }

// explain makes an error of ours of one of the library's. An object that is not
// there is fs.ErrNotExist.
func (b *Bucket) explain(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Doing: doing, Where: b.Where(key), Err: err}
	response := minio.ToErrorResponse(err)
	if response.StatusCode == 0 && response.Code != minio.NoSuchBucket && response.Code != minio.NoSuchKey {
		e.Hint, e.Err = b.unanswered(err)
		return e
	}
	e.Err = &answer{response}
	switch response.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s: %w", e.Where, fs.ErrNotExist)
	case minio.PreconditionFailed:
		e.Hint = "somebody wrote over it while it was read; run it again"
	case minio.NoSuchBucket:
		e.Hint = fmt.Sprintf("make the bucket %s at %s, or see whether both names are right (--history, AWS_ENDPOINT_URL)", b.at.Bucket, b.endpoint.Host)
	default:
		e.Hint = b.advice(response.Code)
	}
	return e
}

// advice is what to do about a server's refusal.
func (b *Bucket) advice(code string) string {
	switch code {
	case "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidAccessKey", "XAdminUserNotFound":
		return "the server does not know these keys: see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials"
	case "ExpiredToken", "InvalidToken", "ExpiredTokenException":
		return "the session is over: get new keys, and AWS_SESSION_TOKEN with them"
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		if !b.hasKeys() {
			return "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have them in ~/.aws/credentials"
		}
		return "these keys may not: they need s3:ListBucket on the bucket, s3:GetObject and s3:PutObject on what is in it, and s3:DeleteObject to compact"
	case "RequestTimeTooSkewed":
		return "this machine's clock is wrong by more than 15 minutes"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion", "IllegalLocationConstraintException":
		return "the bucket is in another region: set AWS_REGION to its"
	case "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "TooManyRequests":
		return "the server is overloaded or out of order: try again later"
	}
	return ""
}

func (b *Bucket) hasKeys() bool {
	keys, err := b.client.GetCreds()
	return err == nil && keys.AccessKeyID != ""
}

// answer is what a server said, in one line.
type answer struct{ minio.ErrorResponse }

func (a *answer) Error() string {
	if a.Message == "" || a.Message == a.Code {
		return a.Code
	}
	return fmt.Sprintf("%s (%s)", a.Message, a.Code)
}

// unanswered is what to do about an error that came instead of an answer, and
// the error without what may not be shown.
func (b *Bucket) unanswered(err error) (hint string, cause error) {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // the rest is the request, with its signature
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	server := b.endpoint.Host
	switch {
	case errors.Is(err, context.Canceled):
		return "", context.Canceled
	case errors.As(err, &dns):
		return "is the name right (AWS_ENDPOINT_URL, AWS_REGION), and is there a network?", err
	case errors.As(err, &certificate):
		return "if the server's certificate is from an authority of your own, name its file with AWS_CA_BUNDLE", err
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return server + " is too slow, or something between drops packets: try again later", fmt.Errorf("nothing moved for %v: %w", b.options.Stall, err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return "by " + server + " or something before it: try again", errors.New("the connection was cut")
	case errors.As(err, &op) && op.Op == "dial":
		return "is a server running at " + server + " (AWS_ENDPOINT_URL)?", err
	case errors.As(err, &op):
		return "the connection to " + server + " was cut: try again", err
	}
	return "the way to " + server + " failed: try again", err
}
