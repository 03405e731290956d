# The container image: the tree that `make image` builds, on a plain Debian. BASE and COMMIT are arguments:
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" --tag holdfast .
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates make npm && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
ARG COMMIT=
RUN HOLDFAST_COMMIT="${COMMIT}" make image

FROM ${BASE}
COPY --from=build /source/build/image/ /
# By number, so that Kubernetes can see that it is not root; roles that need more say so in their pod.
USER 65532:65532
ENTRYPOINT ["/usr/bin/holdfast"]
