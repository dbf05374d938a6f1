package hiker

import "testing"

func TestLifeTheUniverseAndEverything(t *testing.T) {
	if got := answer(); got != 42 {
		t.Errorf("expected 42 but was %d", got)
	}
}
