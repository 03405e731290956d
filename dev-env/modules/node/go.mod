// The two programs of ours that a node runs.
module holdfast.test/node

go 1.26.0

require github.com/godbus/dbus/v5 v5.1.0
