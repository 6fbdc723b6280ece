package watch

import (
	"os"
	"testing"

	"signet/api/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
