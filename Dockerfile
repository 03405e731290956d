# The container image: the tree that `make image` builds, from nothing but that. What is taken from Debian and from npm is
# pinned in packages/tooling/src/image/pins.json, so neither BASE, in which it is only put together, nor the day changes it.
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --tag holdfast .
# Another --platform needs no emulation: nothing of the target is run. A registry of npm packages of your own, or certificates
# that your network needs, come as secrets: --secret id=npmrc,src=$HOME/.npmrc --secret id=certificates,src=ca.pem
ARG BASE=debian:bookworm-slim

FROM --platform=${BUILDPLATFORM} ${BASE} AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates make npm
WORKDIR /source
COPY . .
ARG COMMIT=
ARG TARGETARCH
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=cache,target=/root/.cache/holdfast \
    HOLDFAST_COMMIT="${COMMIT}" make image ARCH="${TARGETARCH}" LAYERS=/image

FROM scratch
COPY --from=build /image/system/ /
COPY --from=build /image/program/ /
ENV PATH=/usr/sbin:/usr/bin
# By number, so that Kubernetes can see that it is not root; roles that need more say so in their pod.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/bin/holdfast"]
ARG COMMIT=
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="PersistentVolumes for Kubernetes on shared block devices, with proof that the previous writer has stopped" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
