-- Rolls the release back at once. The annotation names the release, so it cannot affect another one.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["glidepath.dev/abort"] = obj.status.release.id
return obj
