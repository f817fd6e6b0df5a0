"""Where an environment can be."""

from __future__ import annotations

# Where Amazon Connect offers in-app, web and video calling
# (Amazon Connect administrator guide, "Availability of Amazon Connect features by Region"); without
# us-gov-west-1, where Lambda has no logs in JSON, no tags of event source mappings and no SnapStart for
# Python (AWS GovCloud (US) user guide, "How AWS Lambda differs").
IN_APP_CALLING_REGIONS = (
    "af-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "us-east-1",
    "us-west-2",
)

REGION_FIX = f"a Region with in-app calling: {', '.join(IN_APP_CALLING_REGIONS)}"
