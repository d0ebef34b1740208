"""OpenVINO: conversion of a bundle's network, and classification with it."""
