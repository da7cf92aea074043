-- Takes the canary home at once. The annotation names the release, so it can hit no other one.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/abort"] = obj.status.release.id
return obj
